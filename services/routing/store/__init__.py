"""Routing's SQL: the directory with all its versions, route tables, kinds, loads."""
