"""The studies of the paper: its protocol by data set, their command line, tables and figures."""
