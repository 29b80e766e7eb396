"""Evaluation: metrics, test protocols, baselines, grasp trials in physics simulation, timing and reports."""
