-- title: Language mix by month
-- answers: How many articles of each language were published in each month, and what share is that?
SELECT strftime(published_on, '%Y-%m') AS month,
       language,
       count(*) AS articles,
       round(count(*) / sum(count(*)) OVER (PARTITION BY month), 2) AS share
FROM documents
WHERE published_on IS NOT NULL AND published_precision IN ('day', 'month')
GROUP BY month, language
ORDER BY month, articles DESC, language
