"""The paper's claims, judged by records. No torch."""
