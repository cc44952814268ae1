"""notify's SQL: deliveries, contacts of staff, the copy of the directory."""
