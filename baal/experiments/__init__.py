"""The whole loop: data to try it on, records of what happened, tables and curves."""
