import java.nio.charset.StandardCharsets;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.utils.Utils;

/** Hash and partition, of 12, that the Java client of Kafka gives each key of `test/harness/java-keys.ts`. */
class Partitions {
    public static void main(String[] args) {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 10_000; i++) {
            byte[] key = ("tenant-" + i % 7 + "/ключ-" + i + "x".repeat(i % 23)).getBytes(StandardCharsets.UTF_8);
            lines.append(Utils.murmur2(key)).append(' ').append(BuiltInPartitioner.partitionForKey(key, 12)).append('\n');
        }
        System.out.print(lines);
    }
}
