-- Registers of the Bahrain book: Rulebook of the Central Bank of Bahrain, modules FC (financial crime) and OM (operations);
-- Personal Data Protection Law, Law 30 of 2018 (PDPL). The number of a paragraph differs by Volume, so the Volume is kept.
-- A customer appears as customer_ref, a keyed digest whose key stays with the licensee; the columns take nothing else.
\ir audit.sql

CREATE SCHEMA IF NOT EXISTS cbb;
GRANT USAGE ON SCHEMA cbb TO book_writer;

CREATE TABLE IF NOT EXISTS cbb.customer_review (
    review_id       bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_ref    text     NOT NULL CHECK (customer_ref ~ '^[0-9a-f]{64}$'),
    volume          smallint NOT NULL CHECK (volume BETWEEN 1 AND 7),
    reviewed_on     date     NOT NULL,
    next_review_by  date     GENERATED ALWAYS AS ((reviewed_on + interval '3 years')::date) STORED,
    outcome         text     NOT NULL CHECK (outcome IN ('complete', 'incomplete', 'ended')),
    is_pep          boolean  NOT NULL,
    senior_approval text     CHECK (senior_approval <> ''),
    reviewer        text     NOT NULL CHECK (reviewer <> ''),
    CONSTRAINT pep_is_approved CHECK (NOT is_pep OR outcome <> 'complete' OR senior_approval IS NOT NULL)
);
COMMENT ON TABLE cbb.customer_review IS
    'Customer due diligence, reviewed at least every three years: FC-2.2.11; politically exposed persons: FC-1.5';
SELECT audit.seal('cbb.customer_review');

CREATE TABLE IF NOT EXISTS cbb.suspicious_report (
    report_no     text        PRIMARY KEY CHECK (report_no <> ''),
    filed_at      timestamptz NOT NULL,
    is_attempt    boolean     NOT NULL,
    fid_reference text        NOT NULL CHECK (fid_reference <> ''),
    cbb_reference text        NOT NULL CHECK (cbb_reference <> ''),
    text_sha256   text        NOT NULL CHECK (text_sha256 ~ '^[0-9a-f]{64}$')
);
COMMENT ON TABLE cbb.suspicious_report IS
    'Suspicious transaction reports, attempts too, to the Financial Intelligence Directorate and the CBB: FC-5.2.3, FC-5.2.4';
SELECT audit.seal('cbb.suspicious_report');

CREATE TABLE IF NOT EXISTS cbb.transaction_review (
    transaction_id  text          PRIMARY KEY CHECK (transaction_id <> ''),
    customer_ref    text          NOT NULL CHECK (customer_ref ~ '^[0-9a-f]{64}$'),
    completed_on    date          NOT NULL,
    amount_bhd      numeric(18,3) NOT NULL CHECK (amount_bhd > 0),
    is_abnormal     boolean       NOT NULL,
    source_of_funds text          NOT NULL CHECK (source_of_funds IN ('not-needed', 'verified', 'unverifiable')),
    report_no       text          REFERENCES cbb.suspicious_report,
    keep_until      date          GENERATED ALWAYS AS ((completed_on + interval '5 years')::date) STORED,
    CONSTRAINT source_of_funds_above_6000 CHECK
        (source_of_funds <> 'not-needed' OR amount_bhd <= 6000 AND NOT is_abnormal),
    CONSTRAINT unverifiable_is_reported CHECK (source_of_funds <> 'unverifiable' OR report_no IS NOT NULL)
);
COMMENT ON TABLE cbb.transaction_review IS
    'Significant or abnormal transactions, source of funds above BD 6,000: FC-2.2.5; kept five years: FC-7.1.1';
SELECT audit.seal('cbb.transaction_review');

CREATE TABLE IF NOT EXISTS cbb.wire_check (
    wire_ref                text        PRIMARY KEY CHECK (wire_ref <> ''),
    direction               text        NOT NULL CHECK (direction IN ('inward', 'outward')),
    has_originator_name     boolean     NOT NULL,
    has_originator_account  boolean     NOT NULL,
    has_originator_identity boolean     NOT NULL,  -- address, or identity number, or date and place of birth
    has_beneficiary_name    boolean     NOT NULL,
    has_beneficiary_account boolean     NOT NULL,
    is_complete             boolean     GENERATED ALWAYS AS (
        has_originator_name AND has_originator_account AND has_originator_identity
        AND has_beneficiary_name AND has_beneficiary_account) STORED,
    queried_at              timestamptz,
    answered_at             timestamptz CHECK (answered_at >= queried_at),
    released_at             timestamptz,
    CONSTRAINT outward_is_complete CHECK (
        direction <> 'outward' OR released_at IS NULL
        OR (has_originator_name AND has_originator_account AND has_originator_identity
            AND has_beneficiary_name AND has_beneficiary_account)),
    CONSTRAINT inward_gap_is_queried CHECK (
        direction <> 'inward' OR released_at IS NULL
        OR (has_originator_name AND has_originator_account AND has_originator_identity
            AND has_beneficiary_name AND has_beneficiary_account)
        OR answered_at IS NOT NULL)
);
COMMENT ON TABLE cbb.wire_check IS
    'What must travel with a wire: FC-3.1.5; an inward one without it is suspicious until the sender answered: FC-3.1.4';
SELECT audit.watch('cbb.wire_check');

CREATE TABLE IF NOT EXISTS cbb.outsourcing_approval (
    approval_ref       text    PRIMARY KEY CHECK (approval_ref <> ''),
    provider           text    NOT NULL CHECK (provider <> ''),
    location           text    NOT NULL CHECK (location <> ''),
    data_classes       text[]  NOT NULL CHECK (cardinality(data_classes) > 0),
    is_encrypted       boolean NOT NULL,
    keys_with_licensee boolean NOT NULL,
    granted_on         date    NOT NULL,
    withdrawn_on       date    CHECK (withdrawn_on >= granted_on),
    CONSTRAINT encrypted_under_own_keys CHECK (is_encrypted AND keys_with_licensee)
);
COMMENT ON TABLE cbb.outsourcing_approval IS
    'Approvals of the CBB for customer information kept elsewhere, encrypted, the keys with the licensee: OM-2.8.1 to OM-2.8.4';
SELECT audit.watch('cbb.outsourcing_approval');

CREATE TABLE IF NOT EXISTS cbb.transfer (
    transfer_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    data_classes      text[] NOT NULL CHECK (cardinality(data_classes) > 0),
    destination       text   NOT NULL CHECK (destination ~ '^[A-Z]{2}(-[A-Z0-9]+)?$'),
    basis             text   NOT NULL CHECK (basis IN ('listed-country', 'authorisation', 'group')),
    authorisation_ref text   CHECK (authorisation_ref <> ''),
    begun_on          date   NOT NULL,
    ended_on          date   CHECK (ended_on >= begun_on),
    CONSTRAINT unlisted_is_authorised CHECK (basis = 'listed-country' OR authorisation_ref IS NOT NULL)
);
COMMENT ON TABLE cbb.transfer IS 'Transfers of personal data out of Bahrain: PDPL Art. 12-13, Ministerial Order 42 of 2022';
SELECT audit.watch('cbb.transfer');
