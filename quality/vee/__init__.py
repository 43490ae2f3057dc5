"""Validation, estimation and editing of meter values, and their time of use: arrays and frames in, judgements out."""
