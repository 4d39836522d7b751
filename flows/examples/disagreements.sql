-- title: Evidence that disagrees
-- answers: Where do the traces of a title, author, date ... contradict one another, and which won?
-- when_empty: No two traces contradict one another.
SELECT d.source_path, d.member, e.field,
       any_value(e.value ORDER BY e.rank) FILTER (e.is_chosen) AS chosen,
       list(e.value || ' (' || e.rule_id || ' ' || round(e.score, 2) || ')' ORDER BY e.rank)
           FILTER (NOT e.is_chosen) AS others
FROM evidence e JOIN documents d USING (document_id)
WHERE e.field NOT IN ('authors', 'tags', 'other')
GROUP BY d.source_path, d.member, e.document_id, e.field
HAVING count(DISTINCT lower(e.value)) > 1
ORDER BY d.source_path, d.member, e.field
