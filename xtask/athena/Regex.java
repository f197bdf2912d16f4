// Does what Athena's RegexSerDe does: every line of every packed file below a folder, matched as a whole by one expression.
//
// usage: java Regex.java EXPRESSION_FILE FOLDER > ROWS.csv
// Columns: the file's path below the folder, then one for each group. What did not match is an empty field without quotes.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

class Regex {
    public static void main(String[] arguments) throws Exception {
        Pattern pattern = Pattern.compile(Files.readString(Path.of(arguments[0])));
        Path folder = Path.of(arguments[1]);
        List<Path> files;
        try (Stream<Path> walk = Files.walk(folder)) {
            files = walk.filter(path -> path.toString().endsWith(".gz")).sorted().collect(Collectors.toList());
        }
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        StringBuilder row = new StringBuilder();
        for (Path file : files) {
            String name = folder.relativize(file).toString();
            try (BufferedReader lines = new BufferedReader(new InputStreamReader(
                    new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    Matcher matcher = pattern.matcher(line);
                    boolean matched = matcher.matches();
                    row.setLength(0);
                    field(row, name);
                    for (int group = 1; group <= matcher.groupCount(); group++) {
                        row.append(',');
                        field(row, matched ? matcher.group(group) : null);
                    }
                    out.append(row).append('\n');
                }
            }
        }
        out.flush();
    }

    static void field(StringBuilder row, String text) {
        if (text != null) {
            row.append('"').append(text.replace("\"", "\"\"")).append('"');
        }
    }
}
