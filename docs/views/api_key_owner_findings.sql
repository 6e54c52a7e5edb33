-- Tables: api_keys, users.
-- One row for each API key that works and whose owner is deleted or disabled. It has the
-- columns of api_key_findings, so that UNION ALL makes one list of both. Load the users
-- with an ORG_ADMIN's key: other keys cannot read most owners, which would then look
-- deleted.
SET search_path TO partoo;  -- the schema of the tables, and of the view

CREATE OR REPLACE VIEW api_key_owner_findings AS
WITH clock AS (
    SELECT now() AT TIME ZONE 'UTC' AS at
),
owner AS (
    SELECT u.id, u.disabled
    FROM users AS u
    -- Rows that a loader marked as deleted have this column; some tables have no such rows.
    WHERE to_jsonb(u) ->> '_sdc_deleted_at' IS NULL
)
SELECT
    k.id AS key_id,
    k.label,
    k.user_id,
    k.user_role,
    k.user_type,
    finding.finding,
    finding.severity,
    finding.why
FROM api_keys AS k
CROSS JOIN clock
LEFT JOIN owner ON owner.id = k.user_id
CROSS JOIN LATERAL (
    VALUES
    (
        'owner_gone',
        -- Whether users made for integrations are in the list is not documented.
        CASE WHEN k.user_type = 'bot' THEN 'low' ELSE 'high' END,
        CASE WHEN owner.id IS NULL
            THEN 'Its owner is not among the users'
                || CASE WHEN k.user_type = 'bot'
                    THEN ', which Partoo may not list for bots.' ELSE '.' END
        END
    ),
    (
        'owner_disabled',
        'high',
        CASE WHEN owner.disabled THEN 'Its owner is disabled.' END
    )
) AS finding (finding, severity, why)
WHERE finding.why IS NOT NULL
    AND k.user_id IS NOT NULL  -- an organisation's own key has no owner
    AND k.disabled IS NOT TRUE
    AND (k.expiration_date IS NULL OR k.expiration_date >= clock.at::date)
    AND to_jsonb(k) ->> '_sdc_deleted_at' IS NULL
    -- An empty table says that users were not loaded, not that all are gone.
    AND EXISTS (SELECT FROM owner);
