-- title: Outline of an article
-- answers: Which headings does an article have, and how many words stand below each?
-- when_empty: No such article has headings.
-- parameters:
--   path: {default: "%", meaning: "source_path of the file, or a part of it with %"}
SELECT d.source_path, array_to_string(p.heading_path, ' › ') AS headings,
       min(p.paragraph_index) AS paragraph, sum(p.word_count) AS words
FROM paragraphs p JOIN documents d USING (document_id)
WHERE d.source_path LIKE $path AND p.kind <> 'heading'
GROUP BY d.source_path, d.document_id, p.heading_path
HAVING len(p.heading_path) > 0 OR $path <> '%'
ORDER BY d.source_path, d.document_id, paragraph
