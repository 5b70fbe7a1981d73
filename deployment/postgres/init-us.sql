-- Registers of the US book: Sarbanes-Oxley Act of 2002, sections 302 and 404 (15 USC 7241, 7262);
-- retention of the papers: 17 CFR 210.2-06, 18 USC 1519.
\ir audit.sql

CREATE SCHEMA IF NOT EXISTS sox;
GRANT USAGE ON SCHEMA sox TO book_writer;

CREATE TABLE IF NOT EXISTS sox.control (
    control_id text    PRIMARY KEY CHECK (control_id ~ '^[A-Z]{2,6}-[0-9]{3}$'),
    objective  text    NOT NULL CHECK (length(objective) >= 10),
    owner      text    NOT NULL CHECK (owner <> ''),
    frequency  text    NOT NULL CHECK (frequency IN ('per-transaction', 'daily', 'monthly', 'quarterly', 'annual')),
    is_key     boolean NOT NULL,
    retired_on date
);
COMMENT ON TABLE sox.control IS 'Internal controls over financial reporting. SOX s.404, 15 USC 7262';
SELECT audit.watch('sox.control');

CREATE TABLE IF NOT EXISTS sox.control_test (
    test_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    control_id      text   NOT NULL REFERENCES sox.control,
    tested_on       date   NOT NULL,
    tester          text   NOT NULL CHECK (tester <> ''),
    reviewer        text   NOT NULL CHECK (reviewer <> ''),
    conclusion      text   NOT NULL
        CHECK (conclusion IN ('effective', 'deficiency', 'significant-deficiency', 'material-weakness')),
    evidence_sha256 text   NOT NULL CHECK (evidence_sha256 ~ '^[0-9a-f]{64}$'),
    keep_until      date   GENERATED ALWAYS AS ((tested_on + interval '7 years')::date) STORED,
    CONSTRAINT reviewed_by_another CHECK (reviewer <> tester)
);
COMMENT ON TABLE sox.control_test IS 'Tests of controls and their evidence, kept seven years. SOX s.404; 17 CFR 210.2-06';
SELECT audit.seal('sox.control_test');

CREATE TABLE IF NOT EXISTS sox.trade_step (
    transaction_id text        NOT NULL CHECK (transaction_id <> ''),
    step           text        NOT NULL CHECK (step IN ('initiate', 'approve', 'settle')),
    actor          text        NOT NULL CHECK (actor <> ''),
    at             timestamptz NOT NULL DEFAULT now(),
    after_step     text        GENERATED ALWAYS AS
        (CASE step WHEN 'approve' THEN 'initiate' WHEN 'settle' THEN 'approve' END) STORED,
    PRIMARY KEY (transaction_id, step),
    CONSTRAINT duties_segregated UNIQUE (transaction_id, actor),
    CONSTRAINT steps_in_order FOREIGN KEY (transaction_id, after_step) REFERENCES sox.trade_step (transaction_id, step)
);
COMMENT ON TABLE sox.trade_step IS
    'Who initiated, approved and settled a trade: three people, in that order. Segregation of duties under SOX s.404';
SELECT audit.seal('sox.trade_step');

CREATE TABLE IF NOT EXISTS sox.override (
    override_id    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    control_id     text        NOT NULL REFERENCES sox.control,
    transaction_id text        NOT NULL CHECK (transaction_id <> ''),
    requested_by   text        NOT NULL CHECK (requested_by <> ''),
    approved_by    text        NOT NULL CHECK (approved_by <> ''),
    reason         text        NOT NULL CHECK (length(reason) >= 10),
    at             timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT approved_by_another CHECK (approved_by <> requested_by)
);
COMMENT ON TABLE sox.override IS 'Every time a control was passed over, by whom and why. SOX s.404';
SELECT audit.seal('sox.override');

CREATE TABLE IF NOT EXISTS sox.certification (
    period_end date NOT NULL,
    office     text NOT NULL CHECK (office IN ('principal-executive', 'principal-financial')),
    officer    text NOT NULL CHECK (officer <> ''),
    signed_on  date NOT NULL,
    PRIMARY KEY (period_end, office),
    CONSTRAINT signed_after_the_period CHECK (signed_on > period_end)
);
COMMENT ON TABLE sox.certification IS 'Officers'' certifications of periodic reports. SOX s.302, 15 USC 7241';
SELECT audit.seal('sox.certification');
