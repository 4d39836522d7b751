"""From bytes to text: names, compression, encodings, fields of crawlers."""
