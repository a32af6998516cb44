"""One config to a results folder: inputs, training jobs, run folders, leaderboard, comparison."""
