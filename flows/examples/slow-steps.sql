-- title: Where the time goes
-- answers: How long did each step of the last runs take, and how many rows came out of it?
-- parameters:
--   runs: {default: 5, meaning: how many runs}
SELECT r.started_at, r.files_processed AS files, s.step, s.rows,
       round(s.seconds, 2) AS seconds
FROM (FROM runs ORDER BY started_at DESC LIMIT $runs) r, unnest(r.steps) AS u(s)
ORDER BY r.started_at DESC, s.seconds DESC
