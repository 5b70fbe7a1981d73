-- Registers of the EU book: General Data Protection Regulation, Regulation (EU) 2016/679.
-- This database is replicated to every region of its cluster. So no person stands in it: a data subject appears as
-- subject_ref, a keyed digest whose key stays with the controller in the EU; the columns take nothing else.
\ir audit.sql

CREATE SCHEMA IF NOT EXISTS gdpr;
GRANT USAGE ON SCHEMA gdpr TO book_writer;

CREATE TABLE IF NOT EXISTS gdpr.processing_activity (
    activity_id  text     PRIMARY KEY CHECK (activity_id ~ '^[a-z0-9][a-z0-9-]*$'),
    purpose      text     NOT NULL CHECK (length(purpose) >= 10),
    lawful_basis text     NOT NULL CHECK (lawful_basis IN ('consent', 'contract', 'legal-obligation',
                                                           'vital-interests', 'public-task', 'legitimate-interests')),
    data_classes text[]   NOT NULL CHECK (cardinality(data_classes) > 0),
    recipients   text[]   NOT NULL DEFAULT '{}',
    erased_after interval NOT NULL CHECK (erased_after > interval '0'),
    security     text     NOT NULL CHECK (security <> ''),
    high_risk    boolean  NOT NULL,
    dpia_ref     text,
    CONSTRAINT high_risk_is_assessed CHECK (NOT high_risk OR dpia_ref IS NOT NULL)
);
COMMENT ON TABLE gdpr.processing_activity IS
    'Records of processing activities: Art. 30(1); lawful basis: Art. 6(1)(a)-(f); impact assessment: Art. 35';
SELECT audit.watch('gdpr.processing_activity');

CREATE TABLE IF NOT EXISTS gdpr.transfer (
    transfer_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    activity_id    text   NOT NULL REFERENCES gdpr.processing_activity,
    destination    text   NOT NULL CHECK (destination ~ '^[A-Z]{2}(-[A-Z0-9]+)?$'),
    basis          text   NOT NULL CHECK (basis IN ('adequacy', 'scc', 'bcr', 'derogation')),
    instrument_ref text   NOT NULL CHECK (instrument_ref <> ''),
    assessed_on    date,
    begun_on       date   NOT NULL,
    ended_on       date   CHECK (ended_on >= begun_on),
    CONSTRAINT safeguards_are_assessed CHECK (basis NOT IN ('scc', 'bcr') OR assessed_on <= begun_on AND assessed_on IS NOT NULL)
);
COMMENT ON TABLE gdpr.transfer IS
    'Transfers to third countries: adequacy Art. 45, safeguards with an assessment Art. 46-47, derogations Art. 49';
SELECT audit.watch('gdpr.transfer');

CREATE TABLE IF NOT EXISTS gdpr.subject_request (
    request_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject_ref      text   NOT NULL CHECK (subject_ref ~ '^[0-9a-f]{64}$'),
    kind             text   NOT NULL CHECK (kind IN ('access', 'rectification', 'erasure', 'restriction',
                                                     'portability', 'objection', 'automated-decision')),
    received_on      date   NOT NULL,
    due_on           date   GENERATED ALWAYS AS ((received_on + interval '1 month')::date) STORED,
    extended_to      date,
    extension_reason text,
    answered_on      date   CHECK (answered_on >= received_on),
    outcome          text   CHECK (outcome IN ('granted', 'partly', 'refused')),
    refusal_reason   text,
    CONSTRAINT extension_is_explained CHECK ((extended_to IS NULL) = (extension_reason IS NULL)),
    CONSTRAINT extension_within_two_months CHECK (extended_to <= (received_on + interval '3 months')::date),
    CONSTRAINT answer_has_an_outcome CHECK ((answered_on IS NULL) = (outcome IS NULL)),
    CONSTRAINT refusal_is_explained CHECK (outcome IS DISTINCT FROM 'refused' OR refusal_reason IS NOT NULL)
);
COMMENT ON TABLE gdpr.subject_request IS
    'Data subjects'' requests, Art. 15-22; one month to answer, two more when explained, Art. 12(3)-(4)';
SELECT audit.watch('gdpr.subject_request');

CREATE TABLE IF NOT EXISTS gdpr.erasure (
    erasure_id  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id  bigint      REFERENCES gdpr.subject_request,
    subject_ref text        NOT NULL CHECK (subject_ref ~ '^[0-9a-f]{64}$'),
    system      text        NOT NULL CHECK (system <> ''),
    erased_at   timestamptz NOT NULL,
    erased_rows bigint      NOT NULL CHECK (erased_rows >= 0),
    performed_by text       NOT NULL CHECK (performed_by <> '')
);
COMMENT ON TABLE gdpr.erasure IS 'Proof of each erasure, per system. Art. 17, with the accountability of Art. 5(2)';
SELECT audit.seal('gdpr.erasure');

CREATE TABLE IF NOT EXISTS gdpr.breach (
    breach_id     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    aware_at      timestamptz NOT NULL,
    notify_by     timestamptz GENERATED ALWAYS AS
        ((aware_at AT TIME ZONE 'UTC' + interval '72 hours') AT TIME ZONE 'UTC') STORED,
    description   text        NOT NULL CHECK (length(description) >= 10),
    subjects      bigint      NOT NULL CHECK (subjects >= 0),
    risk          text        NOT NULL CHECK (risk IN ('unlikely', 'risk', 'high')),
    remedy        text        NOT NULL CHECK (remedy <> ''),
    notified_at   timestamptz CHECK (notified_at >= aware_at),
    delay_reason  text,
    subjects_told_at timestamptz CHECK (subjects_told_at >= aware_at),
    closed_at     timestamptz,
    CONSTRAINT lateness_is_explained CHECK (notified_at <= notify_by OR delay_reason IS NOT NULL),
    CONSTRAINT closed_when_notified CHECK (closed_at IS NULL OR risk = 'unlikely' OR notified_at IS NOT NULL),
    CONSTRAINT high_risk_is_told CHECK (closed_at IS NULL OR risk <> 'high' OR subjects_told_at IS NOT NULL)
);
COMMENT ON TABLE gdpr.breach IS
    'Personal data breaches: 72 hours to the authority, Art. 33(1); the register, Art. 33(5); the people concerned, Art. 34';
SELECT audit.watch('gdpr.breach');
