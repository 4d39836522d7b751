-- title: The longest paragraphs
-- answers: Which paragraphs are longest? Far too long ones show lost paragraph breaks.
-- parameters:
--   kind: {default: body, meaning: "kind of paragraph: body, heading, quote ..."}
SELECT p.word_count AS words, p.sentence_count AS sentences, p.language,
       d.source_path, p.paragraph_index, p.text
FROM paragraphs p JOIN documents d USING (document_id)
WHERE p.kind = $kind
ORDER BY length(p.text) DESC, d.source_path, p.paragraph_index
LIMIT 20
