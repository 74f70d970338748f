"""`airworthy demo`: the main job once around, on real flights, on the embedded stack."""
