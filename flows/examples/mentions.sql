-- title: A word in its context
-- answers: Where does a word occur, also inside others, with what stands around it?
-- when_empty: No paragraph has this word.
-- parameters:
--   word: {default: harbour, meaning: what to look for; case does not matter}
--   width: {default: 40, meaning: characters to show on each side}
WITH piece AS (
    SELECT d.title, p.paragraph_index, p.language,
           unnest(regexp_extract_all(
               p.text, '(?is).{0,' || $width || '}' || regexp_escape($word)
                       || '.{0,' || $width || '}'
           )) AS context
    FROM paragraphs p JOIN documents d USING (document_id)
)
SELECT context, language, title, paragraph_index
FROM piece
ORDER BY title, paragraph_index, context
