-- title: Paragraphs of several articles
-- answers: Which paragraphs stand word for word in more than one article (author boxes, agency lines, whole copies)?
-- when_empty: No paragraph stands in two articles.
SELECT count(DISTINCT document_id) AS articles, any_value(word_count) AS words,
       any_value(text ORDER BY document_id) AS text
FROM paragraphs
GROUP BY text_hash
HAVING articles > 1
ORDER BY articles DESC, words DESC, text
