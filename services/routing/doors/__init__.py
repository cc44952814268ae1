"""Where routing meets the outside: topics, HTTP, files."""
