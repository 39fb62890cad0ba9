"""Projects that ``rtdeploy init`` writes and templates of the report, as package data."""
