//! Weights in every spelling, read into one canonical model (timm names, f32).
