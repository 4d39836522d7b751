-- title: Articles that repeat an earlier one
-- answers: Which articles are copies, or nearly, of which earlier article?
-- when_empty: No article repeats another.
-- needs: [duplicates]
SELECT x.kind, x.similarity, d.title, d.source_path, m.source_path AS repeats
FROM duplicates x
JOIN documents d USING (document_id)
JOIN documents m ON m.document_id = x.match_id
ORDER BY x.cluster_id, x.similarity DESC, d.source_path, d.member
