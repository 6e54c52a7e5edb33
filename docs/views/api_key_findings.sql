-- Tables: api_keys.
-- One row for each risk of each API key. A key that is revoked or expired does not work
-- any more and is not a risk: a revoked key has one row that says so, an expired key has
-- none. If Partoo sends no value, the view assumes the worse case.
SET search_path TO partoo;  -- the schema of the tables, and of the view

CREATE OR REPLACE VIEW api_key_findings AS
WITH clock AS (
    SELECT now() AT TIME ZONE 'UTC' AS at
),
api_key AS (
    SELECT
        k.id,
        k.label,
        k.user_id,
        k.user_role,
        k.user_type,
        k.disabled,
        k.expiration_date,
        k.last_used_at,
        k.created_at,
        k.revoked_at,
        k.ip_whitelist,
        k.has_restricted_permissions,
        clock.at,
        k.disabled IS NOT TRUE
            AND (k.expiration_date IS NULL OR k.expiration_date >= clock.at::date)
            AS works
    FROM api_keys AS k
    CROSS JOIN clock
    -- Rows that a loader marked as deleted have this column; some tables have no such rows.
    WHERE to_jsonb(k) ->> '_sdc_deleted_at' IS NULL
),
-- The number after the slash gives the size of a network. A cast to inet would fail if a
-- text is not a network.
network AS (
    SELECT
        k.id,
        entry.network,
        entry.network LIKE '%:%' AS is_ipv6,
        CASE WHEN entry.network LIKE '%:%' THEN 128 ELSE 32 END
            - substring(entry.network FROM '/([0-9]+)$')::integer AS host_bits
    FROM api_key AS k
    CROSS JOIN LATERAL unnest(k.ip_whitelist) AS whitelist (entry)
    CROSS JOIN LATERAL (SELECT trim(whitelist.entry)) AS entry (network)
    WHERE entry.network ~ (
            '^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(?!/)|(?=/))){4}'
            '/([0-9]|[12][0-9]|3[0-2])$'
        )
        OR entry.network ~* (
            '^(([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}'
            '|(([0-9a-f]{1,4}:)*[0-9a-f]{1,4})?::(([0-9a-f]{1,4}:)*[0-9a-f]{1,4})?)'
            '/([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])$'
        )
),
-- Wide: larger than a /24 (IPv4) or a /48 (IPv6), the usual size for one site.
-- Huge: a /8 or a /32, the usual size for a whole provider, or larger.
wide AS (
    SELECT
        id,
        string_agg(network || ' (2^' || host_bits || ' addresses)', ', '
            ORDER BY host_bits DESC, network) AS networks,
        bool_or(host_bits >= CASE WHEN is_ipv6 THEN 96 ELSE 24 END) AS is_huge
    FROM network
    WHERE host_bits > CASE WHEN is_ipv6 THEN 80 ELSE 8 END
    GROUP BY id
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
FROM api_key AS k
LEFT JOIN wide USING (id)
CROSS JOIN LATERAL (
    VALUES
    (
        'never_expires',
        'medium',
        CASE WHEN k.works AND k.expiration_date IS NULL
            THEN 'It has no expiration date.' END
    ),
    (
        'expires_soon',
        'medium',
        CASE WHEN k.works AND k.expiration_date <= k.at::date + 30
            THEN 'It expires on ' || k.expiration_date || ': what uses it stops then.'
        END
    ),
    (
        'idle',
        'medium',
        CASE WHEN k.works AND k.last_used_at < k.at - interval '90 days'
            THEN 'It was last used on ' || k.last_used_at::date || ', '
                || k.at::date - k.last_used_at::date || ' days ago.' END
    ),
    (
        'never_used',
        CASE WHEN k.created_at >= k.at - interval '90 days'
            THEN 'low' ELSE 'medium' END,
        CASE WHEN k.works AND k.last_used_at IS NULL
            THEN 'It has never been used'
                || coalesce(' since its creation on ' || k.created_at::date, '') || '.'
        END
    ),
    (
        'no_ip_whitelist',
        'high',
        CASE WHEN k.works AND coalesce(cardinality(k.ip_whitelist), 0) = 0
            THEN 'It can be used from any address.' END
    ),
    (
        'wide_ip_whitelist',
        CASE WHEN wide.is_huge THEN 'high' ELSE 'medium' END,
        CASE WHEN k.works
            THEN 'It can be used from large networks: ' || wide.networks || '.' END
    ),
    (
        'unrestricted_permissions',
        CASE WHEN k.user_role IN ('PROVIDER', 'ORG_ADMIN')
            THEN 'high' ELSE 'medium' END,
        CASE WHEN k.works AND k.has_restricted_permissions IS NOT TRUE
            THEN 'It may do all that the user who created it may do.' END
    ),
    (
        'revoked',
        'low',
        CASE WHEN k.disabled
            THEN 'It was revoked' || coalesce(' on ' || k.revoked_at::date, '')
                || ' and is still in the list.' END
    )
) AS finding (finding, severity, why)
WHERE finding.why IS NOT NULL;
