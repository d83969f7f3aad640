"""The compiler's middle: one time step as a graph of few kinds of node.

    text -> parse -> check units -> Model -> integrate -> Step -> hoist coefficients -> print for a back end

1. ``lang`` reads the text                         in: text             out: ``Definition``
2. ``ir.integrate`` chooses and applies a method   in: right sides      out: new values of the flows, as nodes
3. ``ir.lower`` adds maps, deliveries, events      in: ``Neuron``       out: ``Step``
4. ``ir.simplify`` folds constants on the way; equal nodes are one object, so common sub-expressions are shared
5. ``ir.lower`` hoists what depends on parameters alone into coefficients, computed once per run in double
6. ``ir.verify`` checks a ``Step``; tests call it after every pass
"""
