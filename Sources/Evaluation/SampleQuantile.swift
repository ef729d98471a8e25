extension Array<Double> {
    /// The quantile of a sample by linear interpolation between its order statistics.
    ///
    /// Definition 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", The American
    /// Statistician 50 (1996); the default of R and NumPy.
    ///
    /// - Parameter share: 0…1; 0.5 is the median.
    /// - Precondition: The array is sorted and not empty.
    func quantile(_ share: Double) -> Double {
        let position = share * Double(count - 1)
        let lower = Int(position)
        let upper = Swift.min(lower + 1, count - 1)
        return self[lower] + (position - Double(lower)) * (self[upper] - self[lower])
    }
}
