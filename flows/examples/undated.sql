-- title: Articles without a date
-- answers: Of which articles is the day of publication unknown, and is there any trace of one?
-- when_empty: Every article has a date.
SELECT d.source_path, d.member, d.title, d.language,
       list(e.value || ' (' || e.rule_id || ')' ORDER BY e.rank)
           FILTER (e.value IS NOT NULL) AS traces
FROM documents d
LEFT JOIN evidence e ON e.document_id = d.document_id
    AND e.field IN ('published_on', 'modified_on')
WHERE d.published_on IS NULL
GROUP BY ALL
ORDER BY d.source_path, d.member
