-- title: Translations and their originals
-- answers: Which articles say that they are translated, by whom, and from what?
-- when_empty: No article says that it is a translation.
SELECT source_path, language, title, translator, source_title, source_url
FROM documents
WHERE is_translated OR translator IS NOT NULL OR source_title IS NOT NULL
ORDER BY source_path, member
