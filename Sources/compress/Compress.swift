@main
struct Compress {
    static func main() {}
}
