-- title: Quotes in another language
-- answers: Which passages are in another language than the paragraph around them?
-- when_empty: No passage is in another language than the paragraph around it.
SELECT span.language AS quoted_in, p.language AS paragraph_in,
       p.text[span.start_chars + 1 : span.end_chars] AS quote,
       round(span.score, 2) AS score, d.source_path, p.paragraph_index
FROM (SELECT *, unnest(foreign_spans) AS span FROM paragraphs) p
JOIN documents d USING (document_id)
ORDER BY quoted_in, d.source_path, p.paragraph_index, span.start_chars
