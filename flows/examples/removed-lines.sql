-- title: What is removed most often
-- answers: Which lines of the raw texts were taken out most often, and by which rule?
-- parameters:
--   reason: {default: "", meaning: "only this reason, e.g. related_links; empty for all but lifted"}
SELECT count(*) AS times, count(DISTINCT document_id) AS articles, reason,
       any_value(rule_id ORDER BY rule_id) AS rule,
       regexp_replace(trim(text), '\s+', ' ', 'g') AS line
FROM removals
WHERE if($reason = '', reason <> 'lifted', reason = $reason)
GROUP BY reason, line
ORDER BY times DESC, articles DESC, line
LIMIT 50
