"""What is fixed before anything runs: training protocol, epochs, analysis plan. No torch."""
