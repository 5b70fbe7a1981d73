-- Registers of the Guyana book: Environmental Protection Act, Cap. 20:05, and the conditions of each petroleum permit.
-- The price of flaring is a condition of a permit, not of the statute: it stands with the permit and its date.
\ir audit.sql

CREATE SCHEMA IF NOT EXISTS epa;
GRANT USAGE ON SCHEMA epa TO book_writer;

CREATE TABLE IF NOT EXISTS epa.permit (
    permit_no          text          NOT NULL CHECK (permit_no <> ''),
    issued_on          date          NOT NULL,  -- a renewal is a row of its own
    expires_on         date          NOT NULL,
    facility           text          NOT NULL CHECK (facility <> ''),
    usd_per_tonne_co2e numeric(10,2) NOT NULL CHECK (usd_per_tonne_co2e > 0),
    PRIMARY KEY (permit_no, issued_on),
    CONSTRAINT price_of_the_permit UNIQUE (permit_no, issued_on, usd_per_tonne_co2e),
    CONSTRAINT expires_after_issue CHECK (expires_on > issued_on)
);
COMMENT ON TABLE epa.permit IS 'Environmental permits of petroleum operations and the price of excess flaring. EP Act Cap. 20:05';
SELECT audit.seal('epa.permit');

CREATE TABLE IF NOT EXISTS epa.flaring (
    flaring_id         bigint        GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    permit_no          text          NOT NULL,
    permit_issued_on   date          NOT NULL,
    usd_per_tonne_co2e numeric(10,2) NOT NULL,
    reason             text          NOT NULL CHECK (reason IN ('start-up', 'special-circumstances', 'maintenance', 'emergency')),
    started_at         timestamptz   NOT NULL,
    ended_at           timestamptz   NOT NULL,
    tonnes_co2e        numeric(14,3) NOT NULL CHECK (tonnes_co2e >= 0),
    approval_sought_at timestamptz,
    approval_ref       text,
    charge_usd         numeric       GENERATED ALWAYS AS (round(tonnes_co2e * usd_per_tonne_co2e, 2)) STORED,
    computed_by        date          GENERATED ALWAYS AS ((ended_at AT TIME ZONE 'America/Guyana')::date + 28) STORED,
    FOREIGN KEY (permit_no, permit_issued_on, usd_per_tonne_co2e)
        REFERENCES epa.permit (permit_no, issued_on, usd_per_tonne_co2e),
    CONSTRAINT ends_after_its_start CHECK (ended_at > started_at),
    CONSTRAINT under_a_permit_issued_before CHECK ((started_at AT TIME ZONE 'America/Guyana')::date >= permit_issued_on),
    CONSTRAINT special_circumstances_past_14_days CHECK (
        reason <> 'special-circumstances' OR ended_at - started_at <= interval '14 days'
        OR approval_ref IS NOT NULL AND approval_sought_at IS NOT NULL AND approval_sought_at - started_at <= interval '96 hours'),
    CONSTRAINT start_up_past_60_days CHECK (
        reason <> 'start-up' OR ended_at - started_at <= interval '60 days'
        OR approval_ref IS NOT NULL AND approval_sought_at IS NOT NULL AND approval_sought_at - started_at <= interval '55 days')
);
COMMENT ON TABLE epa.flaring IS
    'Flaring events: never routine; approval and charge as the permit conditions say. EP Act Cap. 20:05';
SELECT audit.seal('epa.flaring');

CREATE TABLE IF NOT EXISTS epa.flaring_payment (
    payment_ref text          PRIMARY KEY CHECK (payment_ref <> ''),
    flaring_id  bigint        NOT NULL REFERENCES epa.flaring,
    paid_on     date          NOT NULL,
    amount_usd  numeric(16,2) NOT NULL CHECK (amount_usd > 0)
);
COMMENT ON TABLE epa.flaring_payment IS 'What was paid to the Agency for flaring';
SELECT audit.seal('epa.flaring_payment');

CREATE OR REPLACE VIEW epa.flaring_due AS
    SELECT flaring.flaring_id, flaring.permit_no, flaring.charge_usd, flaring.computed_by,
           flaring.charge_usd - coalesce(sum(payment.amount_usd), 0) AS open_usd
    FROM epa.flaring AS flaring LEFT JOIN epa.flaring_payment AS payment USING (flaring_id)
    GROUP BY flaring.flaring_id
    HAVING flaring.charge_usd > coalesce(sum(payment.amount_usd), 0);
GRANT SELECT ON epa.flaring_due TO book_writer;

CREATE TABLE IF NOT EXISTS epa.incident (
    incident_id bigint        GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    permit_no   text          NOT NULL,
    permit_issued_on date     NOT NULL,
    kind        text          NOT NULL CHECK (kind IN ('spill', 'gas-release', 'effluent-exceedance', 'other')),
    happened_at timestamptz   NOT NULL,
    reported_at timestamptz   CHECK (reported_at >= happened_at),
    volume_m3   numeric(14,3) CHECK (volume_m3 >= 0),
    remedy      text,
    closed_at   timestamptz,
    FOREIGN KEY (permit_no, permit_issued_on) REFERENCES epa.permit (permit_no, issued_on),
    CONSTRAINT spill_has_a_volume CHECK (kind <> 'spill' OR volume_m3 IS NOT NULL),
    CONSTRAINT closed_when_reported_and_remedied CHECK
        (closed_at IS NULL OR reported_at IS NOT NULL AND remedy IS NOT NULL)
);
COMMENT ON TABLE epa.incident IS 'Discharges and their report to the Agency. EP Act Cap. 20:05';
SELECT audit.watch('epa.incident');
