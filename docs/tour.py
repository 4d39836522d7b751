"""A tour of the tables in cells: `python docs/tour.py [WAREHOUSE]`, or cell by cell."""

# %% [markdown]
# One snapshot, for as many questions as you like. `make run` makes it of the samples.

# %%
import sys

from flows.reader import open_tables

tables = open_tables(sys.argv[1] if len(sys.argv) > 1 else "warehouse")
print(tables)

# %% [markdown]
# Which languages, and how much of each? DuckDB answers in SQL.

# %%
languages = tables.sql("""
    SELECT language, count(*) AS articles, sum(word_count) AS words
    FROM documents GROUP BY language ORDER BY words DESC LIMIT 5
""")
languages.show()

# %% [markdown]
# The same tables as pandas frames, with just the columns and rows wanted; where Polars
# is installed `tables.polars` does the same.

# %%
articles = tables.pandas(
    "documents",
    columns=["title", "language", "published_on", "word_count"],
    where="published_on IS NOT NULL",
)
print(articles.sort_values("word_count").tail(3).to_string(index=False))

# %%
kinds = tables.pandas("paragraphs", columns=["kind", "word_count"])
print(kinds.groupby("kind").sum().sort_values("word_count").tail(3))

# %% [markdown]
# Which paragraphs speak of a thing? `matches` are the places of the words in `text`.

# %%
for hit in tables.search("harbour", limit=3).itertuples():
    start, end = hit.matches[0]
    print(f"{hit.title}: ... {hit.text[max(start - 30, 0) : end + 30]} ...")

# %% [markdown]
# Why is this the title, and that the date? Every value has its evidence.

# %%
tables.sql("""
    SELECT field, value, rule_id, score FROM evidence JOIN documents USING (document_id)
    WHERE source_path LIKE '%moulin.txt' AND is_chosen ORDER BY field
""").show()

# %% [markdown]
# What was taken out of the raw texts, and why? Every character is accounted for.

# %%
removed = tables.pandas("removals", columns=["reason", "text"])
print(removed.assign(chars=removed["text"].str.len()).groupby("reason")["chars"].sum())

# %%
tables.close()
