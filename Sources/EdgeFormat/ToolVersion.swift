/// The version of all programs of this package, as containers record it.
package let toolVersion = "0.1.0"
