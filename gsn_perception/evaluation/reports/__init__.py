"""Reports: tables, JSON, statistics, plots, contact sheets."""
