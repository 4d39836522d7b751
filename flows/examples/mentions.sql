-- title: A word in its context
-- answers: Where does a word occur, also inside others, and what stands before and after it?
-- when_empty: No paragraph has this word.
-- parameters:
--   word: {default: harbour, meaning: what to look for; case does not matter}
--   width: {default: 24, meaning: characters to show on each side}
WITH pattern AS (
    SELECT '(?is)(.{0,' || $width || '})(' || regexp_escape($word)
           || ')(.{0,' || $width || '})' AS pattern
)
SELECT unnest(regexp_extract_all(p.text, pattern, 1)) AS before,
       unnest(regexp_extract_all(p.text, pattern, 2)) AS word,
       unnest(regexp_extract_all(p.text, pattern, 3)) AS after,
       d.source_path, p.paragraph_index AS paragraph
FROM paragraphs p JOIN documents d USING (document_id), pattern
ORDER BY d.source_path, d.member, paragraph
