"""The warehouse: a folder of Parquet files that is only ever replaced as a whole."""
