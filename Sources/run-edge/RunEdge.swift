@main
struct RunEdge {
    static func main() {}
}
