"""The study of defences: networks trained with a defence, and attacked."""
