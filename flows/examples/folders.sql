-- title: How each folder fares
-- answers: How many files of each folder were accepted, rejected or ignored, and how much is kept of their texts?
SELECT if(contains(s.source_path, '/'), split_part(s.source_path, '/', 1), '.') AS folder,
       count(*) AS files,
       count_if(s.status = 'accepted') AS accepted,
       count_if(s.status = 'rejected') AS rejected,
       count_if(s.status = 'ignored') AS ignored,
       sum(s.document_count) AS articles,
       round(1 - sum(d.removed) / sum(d.raw), 2) AS kept
FROM sources s
LEFT JOIN (
    SELECT source_path, sum(removed_chars) AS removed, sum(raw_chars) AS raw
    FROM documents GROUP BY ALL
) d USING (source_path)
GROUP BY folder
ORDER BY files DESC, folder
