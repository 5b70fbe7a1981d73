-- Registers of the Asia-Pacific book: Personal Data Protection Act 2012 of Singapore (PDPA), as amended in 2020.
-- This database is replicated to every region of its cluster. So no person stands in it: an individual appears as
-- subject_ref, a keyed digest whose key stays with the organisation in Singapore; the columns take nothing else.
\ir audit.sql

CREATE SCHEMA IF NOT EXISTS pdpa;
GRANT USAGE ON SCHEMA pdpa TO book_writer;

CREATE TABLE IF NOT EXISTS pdpa.purpose (
    purpose_id   text     PRIMARY KEY CHECK (purpose_id ~ '^[a-z0-9][a-z0-9-]*$'),
    description  text     NOT NULL CHECK (length(description) >= 10),
    data_classes text[]   NOT NULL CHECK (cardinality(data_classes) > 0),
    kept_for     interval NOT NULL CHECK (kept_for > interval '0'),
    retired_on   date
);
COMMENT ON TABLE pdpa.purpose IS 'Purposes told to individuals: s.18, s.20; end of retention: s.25';
SELECT audit.watch('pdpa.purpose');

CREATE TABLE IF NOT EXISTS pdpa.consent (
    consent_id  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject_ref text        NOT NULL CHECK (subject_ref ~ '^[0-9a-f]{64}$'),
    purpose_id  text        NOT NULL REFERENCES pdpa.purpose,
    event       text        NOT NULL CHECK (event IN ('given', 'deemed', 'withdrawn')),
    at          timestamptz NOT NULL,
    evidence_sha256 text    CHECK (evidence_sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT given_consent_is_proven CHECK (event <> 'given' OR evidence_sha256 IS NOT NULL)
);
COMMENT ON TABLE pdpa.consent IS 'Consent given (s.14), deemed (s.15, s.15A), withdrawn (s.16); the newest event decides';
SELECT audit.seal('pdpa.consent');

CREATE OR REPLACE VIEW pdpa.consent_in_force AS
    SELECT newest.subject_ref, newest.purpose_id, newest.at
    FROM (SELECT DISTINCT ON (subject_ref, purpose_id) subject_ref, purpose_id, event, at
          FROM pdpa.consent ORDER BY subject_ref, purpose_id, at DESC, consent_id DESC) AS newest
    WHERE newest.event <> 'withdrawn';
GRANT SELECT ON pdpa.consent_in_force TO book_writer;

CREATE TABLE IF NOT EXISTS pdpa.access_request (
    request_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject_ref text   NOT NULL CHECK (subject_ref ~ '^[0-9a-f]{64}$'),
    kind        text   NOT NULL CHECK (kind IN ('access', 'correction')),
    received_on date   NOT NULL,
    tell_by     date   GENERATED ALWAYS AS (received_on + 30) STORED,
    told_answer_comes_on date CHECK (told_answer_comes_on >= received_on),
    answered_on date   CHECK (answered_on >= received_on),
    CONSTRAINT lateness_is_told CHECK (answered_on <= received_on + 30 OR told_answer_comes_on IS NOT NULL)
);
COMMENT ON TABLE pdpa.access_request IS
    'Access s.21, correction s.22; answered within 30 days or told when: Personal Data Protection Regulations 2021';
SELECT audit.watch('pdpa.access_request');

CREATE TABLE IF NOT EXISTS pdpa.transfer (
    transfer_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    purpose_id     text   NOT NULL REFERENCES pdpa.purpose,
    destination    text   NOT NULL CHECK (destination ~ '^[A-Z]{2}(-[A-Z0-9]+)?$'),
    basis          text   NOT NULL CHECK (basis IN ('comparable-law', 'contract', 'binding-rules', 'certification', 'consent')),
    instrument_ref text   NOT NULL CHECK (instrument_ref <> ''),
    begun_on       date   NOT NULL,
    ended_on       date   CHECK (ended_on >= begun_on)
);
COMMENT ON TABLE pdpa.transfer IS 'Transfers out of Singapore under a comparable standard of protection: s.26';
SELECT audit.watch('pdpa.transfer');

CREATE TABLE IF NOT EXISTS pdpa.breach (
    breach_id          bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    found_on           date    NOT NULL,
    assessed_on        date    CHECK (assessed_on >= found_on),
    individuals        bigint  NOT NULL CHECK (individuals >= 0),
    significant_harm   boolean NOT NULL,
    notifiable         boolean GENERATED ALWAYS AS (significant_harm OR individuals >= 500) STORED,
    notify_by          date    GENERATED ALWAYS AS
        (CASE WHEN significant_harm OR individuals >= 500 THEN assessed_on + 3 END) STORED,
    commission_told_on date    CHECK (commission_told_on >= found_on),
    lateness_reason    text,
    closed_on          date,
    CONSTRAINT lateness_is_explained CHECK (commission_told_on <= assessed_on + 3 OR lateness_reason IS NOT NULL),
    CONSTRAINT told_after_assessment CHECK (commission_told_on IS NULL OR assessed_on IS NOT NULL),
    CONSTRAINT closed_when_told CHECK
        (closed_on IS NULL OR NOT (significant_harm OR individuals >= 500) OR commission_told_on IS NOT NULL)
);
COMMENT ON TABLE pdpa.breach IS
    'Data breaches: notifiable from 500 individuals or at significant harm, s.26B; three calendar days to the Commission, s.26D';
SELECT audit.watch('pdpa.breach');
