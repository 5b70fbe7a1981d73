-- Registers of the Middle East book: ADGM Data Protection Regulations 2021 (DPR), ADGM anti-money-laundering rules (AML),
-- and rulings on the permissibility of trades under Sharia (IIFA resolution 63(1/7), AAOIFI standards 10 and 20).
-- This database lives in the cluster of the Bahrain book. So no person stands in it: a data subject appears as
-- subject_ref, a keyed digest whose key stays with the licensee in Abu Dhabi; the columns take nothing else.
\ir audit.sql

CREATE SCHEMA IF NOT EXISTS adgm;
GRANT USAGE ON SCHEMA adgm TO book_writer;

CREATE TABLE IF NOT EXISTS adgm.transfer (
    transfer_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    data_classes   text[] NOT NULL CHECK (cardinality(data_classes) > 0),
    destination    text   NOT NULL CHECK (destination ~ '^[A-Z]{2}(-[A-Z0-9]+)?$'),
    basis          text   NOT NULL CHECK (basis IN ('designated', 'scc', 'bcr', 'derogation')),
    instrument_ref text   CHECK (instrument_ref <> ''),
    begun_on       date   NOT NULL,
    ended_on       date   CHECK (ended_on >= begun_on),
    CONSTRAINT undesignated_needs_an_instrument CHECK (basis = 'designated' OR instrument_ref IS NOT NULL),
    CONSTRAINT never_designated CHECK (basis <> 'designated' OR destination NOT IN ('AE', 'BH', 'GY'))
);
COMMENT ON TABLE adgm.transfer IS
    'Transfers out of ADGM: designated jurisdictions DPR s.41, safeguards and derogations s.42-44. Mainland UAE is abroad';
SELECT audit.watch('adgm.transfer');

CREATE TABLE IF NOT EXISTS adgm.breach (
    breach_id    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    aware_at     timestamptz NOT NULL,
    notify_by    timestamptz GENERATED ALWAYS AS
        ((aware_at AT TIME ZONE 'UTC' + interval '72 hours') AT TIME ZONE 'UTC') STORED,
    description  text        NOT NULL CHECK (length(description) >= 10),
    notified_at  timestamptz CHECK (notified_at >= aware_at),
    delay_reason text,
    CONSTRAINT lateness_is_explained CHECK (notified_at <= notify_by OR delay_reason IS NOT NULL)
);
COMMENT ON TABLE adgm.breach IS 'Breaches and their notice to the Commissioner within 72 hours. DPR s.32';
SELECT audit.watch('adgm.breach');

CREATE TABLE IF NOT EXISTS adgm.customer_file (
    subject_ref       text PRIMARY KEY CHECK (subject_ref ~ '^[0-9a-f]{64}$'),
    risk              text NOT NULL CHECK (risk IN ('low', 'medium', 'high')),
    reviewed_on       date NOT NULL,
    senior_approval   text CHECK (senior_approval <> ''),
    relation_ended_on date,
    keep_until        date GENERATED ALWAYS AS ((relation_ended_on + interval '10 years')::date) STORED,
    CONSTRAINT high_risk_is_approved CHECK (risk <> 'high' OR senior_approval IS NOT NULL)
);
COMMENT ON TABLE adgm.customer_file IS
    'Customer risk assessments; papers kept ten years after the relation, the longer of the periods published. AML 15.4.1';
SELECT audit.watch('adgm.customer_file');

CREATE SCHEMA IF NOT EXISTS sharia;
GRANT USAGE ON SCHEMA sharia TO book_writer;

CREATE TABLE IF NOT EXISTS sharia.ruling (
    ruling_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id text   NOT NULL CHECK (transaction_id <> ''),
    structure      text   NOT NULL CHECK (structure IN ('spot', 'murabaha', 'salam', 'istisna', 'forward', 'future', 'option', 'swap')),
    verdict        text   NOT NULL CHECK (verdict IN ('permissible', 'restructure', 'impermissible')),
    contracted_on  date   NOT NULL,
    paid_in_full_on date,
    deliver_on     date,
    board_ref      text   NOT NULL CHECK (board_ref <> ''),
    reasons        text   NOT NULL CHECK (length(reasons) >= 10),
    CONSTRAINT future_is_not_permissible CHECK (verdict <> 'permissible' OR structure <> 'future'),
    CONSTRAINT forward_needs_restructuring CHECK (verdict <> 'permissible' OR structure <> 'forward'),
    CONSTRAINT salam_is_paid_at_once CHECK (
        verdict <> 'permissible' OR structure <> 'salam'
        OR paid_in_full_on IS NOT NULL AND paid_in_full_on <= contracted_on + 3 AND deliver_on IS NOT NULL)
);
COMMENT ON TABLE sharia.ruling IS
    'Rulings of the supervisory board. Both sides deferred: IIFA 63(1/7); salam paid in full, delivery fixed: AAOIFI 10';
SELECT audit.seal('sharia.ruling');
