-- title: Languages in doubt
-- answers: Of which paragraphs is the language least certain?
-- parameters:
--   words: {default: 5, meaning: only paragraphs with so many words or more}
SELECT round(p.language_score, 2) AS score, p.language,
       d.language AS article_in, p.word_count AS words, p.text, d.source_path
FROM paragraphs p JOIN documents d USING (document_id)
WHERE p.word_count >= $words AND p.kind IN ('body', 'quote', 'list_item')
ORDER BY p.language_score, p.word_count DESC, d.source_path, p.paragraph_index
LIMIT 50
