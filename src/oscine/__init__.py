"""Oscine: differentiable synthesisers that learn an instrument by listening to it."""
