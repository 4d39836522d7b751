-- title: What changed since the last snapshot
-- answers: Which articles are new, gone, or have another text or other metadata than in the snapshot before?
-- when_empty: Nothing has changed since the snapshot before.
-- earlier: true
WITH now AS (SELECT document_id, source_path, member, title, text_sha256, md5(concat_ws(
        '|', title, authors, published_on, modified_on, publisher, url, language
    )) AS metadata FROM documents),
before AS (SELECT document_id, source_path, member, title, text_sha256, md5(concat_ws(
        '|', title, authors, published_on, modified_on, publisher, url, language
    )) AS metadata FROM earlier.documents)
SELECT CASE WHEN before.document_id IS NULL THEN 'new'
            WHEN now.document_id IS NULL THEN 'gone'
            WHEN now.text_sha256 <> before.text_sha256 THEN 'other text'
            ELSE 'other metadata' END AS change,
       coalesce(now.source_path, before.source_path) AS source_path,
       coalesce(now.member, before.member) AS member,
       coalesce(now.title, before.title) AS title
FROM now FULL JOIN before USING (document_id)
WHERE now.text_sha256 IS DISTINCT FROM before.text_sha256
   OR now.metadata IS DISTINCT FROM before.metadata
ORDER BY change, source_path, member
