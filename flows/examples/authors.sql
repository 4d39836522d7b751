-- title: Authors by source
-- answers: Who writes for which publisher, how much, and from when to when?
SELECT coalesce(publisher, split_part(source_path, '/', 1)) AS source, author,
       count(*) AS articles, sum(word_count) AS words,
       min(published_on) AS first, max(published_on) AS last
FROM (SELECT *, unnest(authors) AS author FROM documents)
GROUP BY source, author
ORDER BY source, articles DESC, author
