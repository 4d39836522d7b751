-- title: Rejects by reason
-- answers: Why were files, and articles inside files, rejected, and which for example?
-- when_empty: Nothing was rejected.
SELECT reason, stage, count(*) AS count,
       arg_min(source_path || coalesce(' member ' || member, ''), source_path) AS example,
       arg_min(detail, source_path) AS detail
FROM rejects
GROUP BY reason, stage
ORDER BY count DESC, reason
