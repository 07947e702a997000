// Reads the topic `signals`: prints each new revision once, with what it adds to the one before, as NDJSON. Java 17.
//
//   mvn dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=libs
//   java -cp 'libs/*' ReadSignals.java 127.0.0.1:19092 http://127.0.0.1:18081/apis/ccompat/v7 signals signals.state [until-end]
//
// What is known of each signal is in a file, which stands in for a database: it is written before the group's offsets are. A
// crash in between makes some come again, and those are known by then.

import com.fasterxml.jackson.databind.ObjectMapper;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.*;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import org.apache.avro.Schema;
import org.apache.avro.generic.*;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
public class ReadSignals {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> PRINTED = List.of("id", "revision", "coin", "direction", "side", "size", "price", "trigger", "complete");
  private final Map<Integer, Schema> schemas = new HashMap<>();
  /** By id: revision, time of the last fill, size. */
  private final Properties known = new Properties();

  public static void main(String[] args) throws Exception {
    new ReadSignals().run(args[0], args[1], args[2], Path.of(args[3]), args.length > 4);
  }

  private void run(String brokers, String registry, String topic, Path file, boolean untilEnd) throws Exception {
    if (Files.exists(file)) try (var in = Files.newBufferedReader(file)) { known.load(in); }
    Map<String, Object> config = Map.of("bootstrap.servers", brokers, "group.id", "subscriber-java", "isolation.level", "read_committed",
        "auto.offset.reset", "earliest", "enable.auto.commit", "false");
    try (var consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.subscribe(List.of(topic));
      while (!untilEnd || !isAtEnd(consumer)) {
        var records = consumer.poll(Duration.ofSeconds(1));
        for (ConsumerRecord<byte[], byte[]> record : records) take(signalIn(record.value(), registry));
        if (records.isEmpty()) continue;
        try (var out = Files.newBufferedWriter(file)) { known.store(out, null); }
        consumer.commitSync();
      }
    }
  }

  /** The end is that of what is committed. */
  private static boolean isAtEnd(KafkaConsumer<?, ?> consumer) {
    var ends = consumer.endOffsets(consumer.assignment());
    return !ends.isEmpty() && ends.entrySet().stream().allMatch((end) -> consumer.position(end.getKey()) >= end.getValue());
  }

  /** Confluent's wire format: a zero byte, the schema's id in four, the Avro body. Read by the schema that it was written with. */
  private GenericRecord signalIn(byte[] value, String registry) throws Exception {
    int number = ByteBuffer.wrap(value).getInt(1);
    if (!schemas.containsKey(number)) {
      var request = HttpRequest.newBuilder(URI.create(registry + "/schemas/ids/" + number)).build();
      var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString()).body();
      schemas.put(number, new Schema.Parser().parse(JSON.readTree(answer).get("schema").asText()));
    }
    var decoder = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null);
    return new GenericDatumReader<GenericRecord>(schemas.get(number)).read(null, decoder);
  }

  /** Remembers a signal and prints it, unless it is known (a repeat). */
  private void take(GenericRecord signal) throws Exception {
    var id = signal.get("id").toString();
    var before = known.getProperty(id, "0 0 0").split(" ");
    long revision = (Long) signal.get("revision"), last = (Long) signal.get("lastFillAt");
    boolean isLater = revision > Long.parseLong(before[0]);
    if (!isLater && last <= Long.parseLong(before[1])) return;
    var size = new BigDecimal(signal.get("size").toString());
    var line = new LinkedHashMap<String, Object>();
    for (var name : PRINTED) line.put(name, signal.get(name) instanceof CharSequence text ? text.toString() : signal.get(name));
    line.put("delta", (isLater ? size.subtract(new BigDecimal(before[2])) : size).toPlainString()); // A forgotten order begins anew.
    line.put("fees", fees(signal));
    System.out.println(JSON.writeValueAsString(line));
    known.setProperty(id, revision + " " + last + " " + size.toPlainString());
  }

  private static Map<String, String> fees(GenericRecord signal) {
    var fees = new TreeMap<String, String>();
    ((Map<?, ?>) signal.get("fees")).forEach((token, sum) -> fees.put(token.toString(), sum.toString()));
    return fees;
  }
}
