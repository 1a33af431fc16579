"""How fast cohorts train, against other ways to train the same networks."""
